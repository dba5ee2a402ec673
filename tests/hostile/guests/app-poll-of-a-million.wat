;; attack: wasi
;; promise: poll_oneoff with a million subscriptions is refused, and keeps nobody waiting
;; limit: none
;; ends: 400 instance_failed
;; log: unreachable
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "wapo_poll") (result i32) (memory.grow (i32.const 400)) (drop)
    (if (i32.eqz (call $poll (i32.const 0) (i32.const 0) (i32.const 1000000) (i32.const 8))) (then (return (i32.const 0))))
    (drop (call $poll (i32.const -1) (i32.const -1) (i32.const -1) (i32.const -1)))
    (drop (call $poll (i32.const 0) (i32.const 0) (i32.const 400000) (i32.const 8)))
    unreachable))
