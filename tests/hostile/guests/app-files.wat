;; attack: wasi
;; promise: an app has no directory, whatever path it opens and whatever descriptor it starts from
;; limit: none
;; ends: 400 instance_failed
;; log: unreachable
(module
  (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_symlink" (func $symlink (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 256) "/etc/passwd../../../../etc/passwd/proc/self/environ.")
  (func (export "wapo_poll") (result i32) (local $fd i32)
    (loop $next
      (if (i32.eqz (call $prestat (local.get $fd) (i32.const 0))) (then (return (i32.const 0))))
      (if (i32.eqz (call $open (local.get $fd) (i32.const 1) (i32.const 256) (i32.const 11) (i32.const 0) (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 8))) (then (return (i32.const 0))))
      (if (i32.eqz (call $open (local.get $fd) (i32.const 1) (i32.const 267) (i32.const 22) (i32.const 0) (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 8))) (then (return (i32.const 0))))
      (if (i32.eqz (call $open (local.get $fd) (i32.const 1) (i32.const 289) (i32.const 18) (i32.const 0) (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 8))) (then (return (i32.const 0))))
      (if (i32.eqz (call $open (local.get $fd) (i32.const 1) (i32.const 307) (i32.const 1) (i32.const 0) (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 8))) (then (return (i32.const 0))))
      (drop (call $symlink (i32.const 256) (i32.const 11) (local.get $fd) (i32.const 300) (i32.const 1)))
      (br_if $next (i32.lt_u (local.tee $fd (i32.add (local.get $fd) (i32.const 1))) (i32.const 100))))
    unreachable))
