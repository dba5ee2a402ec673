;; attack: starving the loop
;; promise: timers that expire at once starve nobody
;; limit: query
;; ends: 400 instance_not_listening
;; log: Stopped
(module
  (import "wapo" "ocall" (func $slow (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "wapo" "ocall_fast_return" (func $fast (param i32 i32 i32 i32 i32 i32) (result i64)))
  (memory (export "memory") 2)
  (func (export "wapo_poll") (result i32) (loop $again
    (drop (call $fast (i32.const 0) (i32.const 201) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
    (drop (call $fast (i32.const 0) (i32.const 101) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
    (br $again)) (i32.const 0)))
