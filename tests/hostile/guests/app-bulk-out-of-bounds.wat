;; attack: killing the worker
;; promise: bulk instructions stay inside, too
;; limit: none
;; ends: 400 instance_failed
;; log: out of bounds
(module
  (import "wapo" "ocall" (func $slow (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "wapo" "ocall_fast_return" (func $fast (param i32 i32 i32 i32 i32 i32) (result i64)))
  (memory (export "memory") 2)
  (func (export "wapo_poll") (result i32) (memory.copy (i32.const 0) (i32.const 65536) (i32.const -1)) (i32.const 0)))
