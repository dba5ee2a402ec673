;; attack: malformed
;; promise: an import of another type is refused
;; limit: none
;; ends: 400 instance_failed
;; log: ocall
(module
  (import "wapo" "ocall" (func (param f64) (result f32)))
  (memory (export "memory") 2)
  (func (export "wapo_poll") (result i32) (i32.const 0)))
