;; attack: memory
;; promise: tables are bounded like memory
;; limit: none
;; ends: 400 instance_failed
;; log: unreachable
(module
  (import "wapo" "ocall" (func $slow (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "wapo" "ocall_fast_return" (func $fast (param i32 i32 i32 i32 i32 i32) (result i64)))
  (memory (export "memory") 2)
  (table $t 1 externref)
  (func (export "wapo_poll") (result i32) (loop $again
    (if (i32.eq (table.grow $t (ref.null extern) (i32.const 1000000)) (i32.const -1)) (then unreachable))
    (br $again)) (i32.const 0)))
