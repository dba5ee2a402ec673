;; attack: killing the worker
;; promise: a table's entries are called as what they are
;; limit: none
;; ends: 400 instance_failed
;; log: indirect call type mismatch
(module
  (import "wapo" "ocall" (func $slow (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "wapo" "ocall_fast_return" (func $fast (param i32 i32 i32 i32 i32 i32) (result i64)))
  (memory (export "memory") 2)
  (table 1 funcref)
  (elem (i32.const 0) $g)
  (func $g (param i64) (result i64) (local.get 0))
  (func (export "wapo_poll") (result i32) (call_indirect (result i32) (i32.const 0))))
