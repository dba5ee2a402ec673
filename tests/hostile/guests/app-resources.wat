;; attack: host memory
;; promise: an instance has 8192 resources and no more
;; limit: query
;; ends: 400 instance_not_listening
;; log: Stopped
(module
  (import "wapo" "ocall" (func $slow (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "wapo" "ocall_fast_return" (func $fast (param i32 i32 i32 i32 i32 i32) (result i64)))
  (memory (export "memory") 2)
  (func (export "wapo_poll") (result i32) (loop $again
    (drop (call $fast (i32.const 0) (i32.const 201) (i32.const 100000) (i32.const 0) (i32.const 0) (i32.const 0)))
    (drop (call $fast (i32.const 0) (i32.const 240) (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 0)))
    (drop (call $fast (i32.const 0) (i32.const 213) (i32.const 0) (i32.const 9) (i32.const 80) (i32.const 0)))
    (br $again)) (i32.const 0)))
