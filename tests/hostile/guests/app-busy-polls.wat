;; attack: starving the loop
;; promise: a program that is always ready has its turns, not everybody's
;; limit: query
;; ends: 400 instance_not_listening
;; log: Stopped
(module
  (import "wapo" "ocall" (func $slow (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "wapo" "ocall_fast_return" (func $fast (param i32 i32 i32 i32 i32 i32) (result i64)))
  (memory (export "memory") 2)
  (func (export "wapo_poll") (result i32) (drop (call $fast (i32.const 0) (i32.const 109) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0))) (drop (call $fast (i32.const 0) (i32.const 201) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))) (i32.const 0)))
