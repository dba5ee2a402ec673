;; attack: wasi
;; promise: arguments and environment are written where there is room, or not at all
;; limit: none
;; ends: 400 instance_failed
;; log: unreachable
(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $env (param i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "wapo_poll") (result i32) (drop (call $sizes (i32.const -1) (i32.const 131071))) (drop (call $get (i32.const 131070) (i32.const -4))) (drop (call $env (i32.const -4) (i32.const 131071))) unreachable))
