;; attack: wasi
;; promise: random_get of all memory, and beyond, keeps nobody waiting
;; limit: query
;; ends: 400 instance_not_listening
;; log: Stopped
(module
  (import "wasi_snapshot_preview1" "random_get" (func $r (param i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "wapo_poll") (result i32) (loop $again
    (drop (call $r (i32.const 0) (i32.const 131072)))
    (drop (call $r (i32.const 1) (i32.const -1)))
    (drop (call $r (i32.const -1) (i32.const 1)))
    (br $again)) (i32.const 0)))
