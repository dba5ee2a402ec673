;; attack: malformed
;; promise: a module that imports what there is not is refused by name
;; limit: none
;; ends: 400 instance_failed
;; log: system
(module
  (import "env" "system" (func (param i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "wapo_poll") (result i32) (i32.const 0)))
