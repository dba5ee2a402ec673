;; attack: starving the loop
;; promise: marking tasks ready without end ends at the queue's size, or as a loop
;; limit: query
;; ends: 400 instance_not_listening or 400 instance_failed
(module
  (import "wapo" "ocall" (func $slow (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "wapo" "ocall_fast_return" (func $fast (param i32 i32 i32 i32 i32 i32) (result i64)))
  (memory (export "memory") 2)
  (func $f (param i32) (drop (call $fast (i32.const 0) (i32.const 109) (local.get 0) (i32.const 0) (i32.const 0) (i32.const 0))))
  (func (export "wapo_poll") (result i32) (local $i i32) (loop $again (call $f (local.get $i)) (local.set $i (i32.add (local.get $i) (i32.const 1))) (br $again)) (i32.const 0)))
