;; attack: killing the worker
;; promise: too deep a recursion is a trap of the guest's
;; limit: none
;; ends: 400 instance_failed
;; log: stack exhausted
(module
  (import "wapo" "ocall" (func $slow (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "wapo" "ocall_fast_return" (func $fast (param i32 i32 i32 i32 i32 i32) (result i64)))
  (memory (export "memory") 2)
  (func $f (param i64 i64 i64 i64) (result i32) (i32.add (call $f (local.get 0) (local.get 1) (local.get 2) (local.get 3)) (i32.const 1)))
  (func (export "wapo_poll") (result i32) (call $f (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4))))
