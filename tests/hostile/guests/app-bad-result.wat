;; attack: killing the worker
;; promise: a poll that returns nonsense ends the instance
;; limit: none
;; ends: 400 instance_failed
;; log: only 0 and 1 are allowed
(module
  (import "wapo" "ocall" (func $slow (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "wapo" "ocall_fast_return" (func $fast (param i32 i32 i32 i32 i32 i32) (result i64)))
  (memory (export "memory") 2)
  (func (export "wapo_poll") (result i32) (i32.const 77)))
