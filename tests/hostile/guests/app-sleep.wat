;; attack: wasi
;; promise: a program that sleeps in a host call is ended like one that waits
;; limit: query
;; ends: 400 instance_not_listening
;; log: Stopped
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 40) "\00")
  (func (export "wapo_poll") (result i32) (i64.store (i32.const 24) (i64.const 60000000000)) (i32.store (i32.const 16) (i32.const 1)) (drop (call $poll (i32.const 0) (i32.const 100) (i32.const 1) (i32.const 8))) (i32.const 0)))
