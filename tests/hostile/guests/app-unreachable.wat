;; attack: killing the worker
;; promise: a trap ends one instance, and nothing else
;; limit: none
;; ends: 400 instance_failed
;; log: unreachable
(module
  (import "wapo" "ocall" (func $slow (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "wapo" "ocall_fast_return" (func $fast (param i32 i32 i32 i32 i32 i32) (result i64)))
  (memory (export "memory") 2)
  (func (export "wapo_poll") (result i32) unreachable))
