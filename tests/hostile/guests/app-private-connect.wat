;; attack: network
;; promise: an app reaches no listener of the node's machine
;; limit: query
;; ends: 400 instance_not_listening
;; log: Stopped
(module
  (import "wapo" "ocall" (func $slow (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "wapo" "ocall_fast_return" (func $fast (param i32 i32 i32 i32 i32 i32) (result i64)))
  (memory (export "memory") 2)
  (data (i32.const 0) "127.0.0.1localhost::10.0.0.0::ffff:127.0.0.1")
  (func (export "wapo_poll") (result i32) (local $p i32) (local.set $p (i32.const 1)) (loop $again (drop (call $fast (i32.const 0) (i32.const 213) (i32.const 0) (i32.const 9) (local.get $p) (i32.const 0))) (drop (call $fast (i32.const 0) (i32.const 213) (i32.const 9) (i32.const 9) (local.get $p) (i32.const 0))) (drop (call $fast (i32.const 0) (i32.const 213) (i32.const 18) (i32.const 3) (local.get $p) (i32.const 0))) (drop (call $fast (i32.const 0) (i32.const 213) (i32.const 20) (i32.const 8) (local.get $p) (i32.const 0))) (drop (call $fast (i32.const 0) (i32.const 213) (i32.const 28) (i32.const 16) (local.get $p) (i32.const 0))) (br_if $again (i32.lt_u (local.tee $p (i32.add (local.get $p) (i32.const 1))) (i32.const 1000)))) (i32.const 0)))
