;; attack: memory
;; promise: a module that declares more than it may have is not started
;; limit: none
;; ends: 400 instance_failed
;; log: memory
(module
  (import "wapo" "ocall" (func $slow (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "wapo" "ocall_fast_return" (func $fast (param i32 i32 i32 i32 i32 i32) (result i64)))
  (memory (export "memory") 65536)
  (func (export "wapo_poll") (result i32) (i32.const 0)))
