;; attack: log
;; promise: an instance's log is bounded, and is no way to keep the loop
;; limit: query
;; ends: 400 instance_not_listening
;; log: Stopped
(module
  (import "wapo" "ocall" (func $slow (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "wapo" "ocall_fast_return" (func $fast (param i32 i32 i32 i32 i32 i32) (result i64)))
  (memory (export "memory") 2)
  (data (i32.const 0) "\1b[2J\0d\0aforged\00")
  (func (export "wapo_poll") (result i32) (loop $again
    (drop (call $fast (i32.const 0) (i32.const 220) (i32.const 3) (i32.const 0) (i32.const 131072) (i32.const 0)))
    (br $again)) (i32.const 0)))
