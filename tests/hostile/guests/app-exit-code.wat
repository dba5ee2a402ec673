;; attack: killing the worker
;; promise: an exit code that is none ends the instance
;; limit: none
;; ends: 400 instance_failed
;; log: proc_exit
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 2)
  (func (export "wapo_poll") (result i32) (call $exit (i32.const -1)) (i32.const 0)))
