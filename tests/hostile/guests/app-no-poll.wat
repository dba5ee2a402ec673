;; attack: malformed
;; promise: a module without a poll function is refused
;; limit: none
;; ends: 400 instance_failed
;; log: wapo_poll
(module
  (import "wapo" "ocall" (func $slow (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "wapo" "ocall_fast_return" (func $fast (param i32 i32 i32 i32 i32 i32) (result i64)))
  (memory (export "memory") 2)
  (func (export "other")))
