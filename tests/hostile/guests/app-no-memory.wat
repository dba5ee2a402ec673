;; attack: malformed
;; promise: a module without a memory is no reason for a failure of the host's
;; limit: query
;; ends: 400 instance_not_listening or 400 instance_failed
(module
  (import "wapo" "ocall" (func $slow (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "wapo" "ocall_fast_return" (func $fast (param i32 i32 i32 i32 i32 i32) (result i64)))
  (func (export "wapo_poll") (result i32) (drop (call $fast (i32.const 0) (i32.const 220) (i32.const 3) (i32.const 0) (i32.const 100) (i32.const 0))) (drop (call $slow (i32.const 0) (i32.const 102) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))) (i32.const 0)))
