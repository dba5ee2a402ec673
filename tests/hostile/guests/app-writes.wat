;; attack: wasi
;; promise: what is written to stdout is the log, bounded, whatever the vectors say
;; limit: query
;; ends: 400 instance_not_listening
;; log: Stopped
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $w (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 0) "\00\00\00\00\ff\ff\ff\ff\00\00\01\00\00\00\01\00")
  (func (export "wapo_poll") (result i32) (loop $again
    (drop (call $w (i32.const 1) (i32.const 0) (i32.const 2) (i32.const 64)))
    (drop (call $w (i32.const 2) (i32.const 8) (i32.const 1) (i32.const 64)))
    (drop (call $w (i32.const 1) (i32.const 0) (i32.const -1) (i32.const 64)))
    (br $again)) (i32.const 0)))
