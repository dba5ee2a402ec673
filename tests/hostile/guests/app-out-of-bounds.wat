;; attack: killing the worker
;; promise: nothing beyond its memory is in a guest's reach
;; limit: none
;; ends: 400 instance_failed
;; log: out of bounds
(module
  (import "wapo" "ocall" (func $slow (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "wapo" "ocall_fast_return" (func $fast (param i32 i32 i32 i32 i32 i32) (result i64)))
  (memory (export "memory") 2)
  (func (export "wapo_poll") (result i32) (i32.load offset=4294967295 (i32.const -1))))
