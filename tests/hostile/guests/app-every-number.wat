;; attack: malformed
;; promise: every call with garbage for arguments is an error code; never the end of anybody
;; limit: query
;; ends: 400 instance_failed or 400 instance_not_listening
(module
  (import "wapo" "ocall" (func $slow (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "wapo" "ocall_fast_return" (func $fast (param i32 i32 i32 i32 i32 i32) (result i64)))
  (memory (export "memory") 2)
  (func (export "wapo_poll") (result i32) (local $n i32) (local $k i32)
    (loop $next
      (local.set $k (i32.const 0))
      (loop $shape
        (drop (call $fast (i32.const 1) (local.get $n) (i32.load (i32.add (i32.const 64) (i32.shl (local.get $k) (i32.const 4))))
          (i32.load (i32.add (i32.const 68) (i32.shl (local.get $k) (i32.const 4)))) (i32.load (i32.add (i32.const 72) (i32.shl (local.get $k) (i32.const 4))))
          (i32.load (i32.add (i32.const 76) (i32.shl (local.get $k) (i32.const 4))))))
        (drop (call $slow (i32.const -1) (local.get $n) (i32.load (i32.add (i32.const 64) (i32.shl (local.get $k) (i32.const 4))))
          (i32.load (i32.add (i32.const 68) (i32.shl (local.get $k) (i32.const 4)))) (i32.load (i32.add (i32.const 72) (i32.shl (local.get $k) (i32.const 4))))
          (i32.load (i32.add (i32.const 76) (i32.shl (local.get $k) (i32.const 4))))))
        (br_if $shape (i32.lt_u (local.tee $k (i32.add (local.get $k) (i32.const 1))) (i32.const 8))))
      (br_if $next (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 1300))))
    unreachable)
  (data (i32.const 64) "\00\00\00\00\ff\ff\ff\ff\00\00\00\00\ff\ff\ff\ff")
  (data (i32.const 80) "\ff\ff\ff\ff\01\00\00\00\ff\ff\ff\ff\ff\ff\ff\ff")
  (data (i32.const 96) "\03\00\00\00\00\10\00\00\ff\ff\01\00\00\00\00\80")
  (data (i32.const 112) "\00\00\00\80\00\00\00\80\00\00\00\80\00\00\00\80")
  (data (i32.const 128) "\01\00\00\00\01\00\00\00\01\00\00\00\01\00\00\00")
  (data (i32.const 144) "\00\00\02\00\00\00\02\00\00\00\02\00\00\00\02\00")
  (data (i32.const 160) "\ff\ff\01\00\02\00\00\00\ff\ff\01\00\02\00\00\00")
  (data (i32.const 176) "\00\00\00\00\00\00\02\00\00\00\00\00\00\00\02\00"))
