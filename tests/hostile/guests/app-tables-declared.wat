;; attack: memory
;; promise: a table larger than it may be is not made
;; limit: none
;; ends: 400 instance_failed
;; log: table
(module
  (import "wapo" "ocall" (func $slow (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "wapo" "ocall_fast_return" (func $fast (param i32 i32 i32 i32 i32 i32) (result i64)))
  (memory (export "memory") 2)
  (table 4294967295 funcref)
  (func (export "wapo_poll") (result i32) (i32.const 0)))
