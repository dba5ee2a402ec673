;; attack: time
;; promise: a start function has no more time than a poll
;; limit: query
;; ends: 400 instance_not_listening
;; log: Stopped
(module
  (import "wapo" "ocall" (func $slow (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "wapo" "ocall_fast_return" (func $fast (param i32 i32 i32 i32 i32 i32) (result i64)))
  (memory (export "memory") 2)
  (func $f (loop $again (br $again)))
  (start $f)
  (func (export "wapo_poll") (result i32) (i32.const 0)))
