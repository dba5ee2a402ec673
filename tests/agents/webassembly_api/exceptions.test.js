// Tags and exceptions: https://webassembly.github.io/spec/js-api/#tags

const { Tag, Exception } = WebAssembly;

const OLD = wat`(module (import "m" "f" (func $f (param externref))) (import "m" "f" (func $n (param i32)))
  (tag $a (param i32)) (tag $b)
  (func (export "nothing") (param i32) (result i32)
    try (result i32) local.get 0 call $n i32.const 1 catch_all i32.const 2 end)
  (func (export "values") (param i32) (result i32)
    i32.const 100
    try (param i32) (result i32)
      local.get 0
      if (param i32) (result i32) local.get 0 i32.add throw $a else drop throw $b end
    catch $a catch $b i32.const 9 end)
  (func (export "rethrown") (param externref) (result i32)
    try $out local.get 0 call $f
    catch_all try throw $b catch $b rethrow $out end end i32.const 0)
  (func (export "delegated") (result i32)
    try $outer (result i32)
      try (result i32) try (result i32) i32.const 5 throw $a delegate $outer
      catch $a drop i32.const 1000 end
    catch $a i32.const 10 i32.add end)
  (func $past (export "past") try $l try throw $b delegate 1 catch_all end)
  (func (export "outside") (result i32) try (result i32) call $past i32.const 1 catch $b i32.const 30 end)
  (func (export "inner") (result i32) (local i32)
    try try i32.const 3 throw $a catch $a local.set 0 throw $b end
    catch $b local.get 0 i32.const 4 i32.add local.set 0 end local.get 0)
  (func (export "loop") (param i32) (result i32) (local i32)
    loop $again
      try local.get 0 throw $a
      catch $a local.get 1 i32.add local.set 1 local.get 0 i32.const 1 i32.sub local.tee 0 br_if $again end
    end local.get 1))`;

function thrown(body) {
  try {
    return `returned ${body()}`;
  } catch (error) {
    return error;
  }
}
test('tags and exceptions', () => {
  const tag = new Tag({ parameters: ['i32', 'i64', 'externref'] }),
    other = new Tag({ parameters: [] });
  const exception = new Exception(tag, [1.9, 2n, 'x']);
  same(
    [exception.is(tag), exception.is(other), exception.getArg(tag, 0), exception.getArg(tag, 2)],
    [true, false, 1, 'x'],
  );
  equal(exception.getArg(tag, 1), 2n);
  same([exception.stack, exception instanceof Error], [undefined, false]);
  equal(typeof new Exception(other, [], { traceStack: true }).stack, 'string');
  throws(TypeError, () => exception.getArg(other, 0));
  throws(RangeError, () => exception.getArg(tag, 3));
  throws(TypeError, () => exception.getArg(tag, -1));
  throws(TypeError, () => exception.is({}));
  throws(TypeError, () => new Exception(tag, [1]));
  throws(TypeError, () => new Exception(tag, [1, 2, 3]));
  throws(TypeError, () => new Exception({}, []));
  throws(TypeError, () => new Exception(WebAssembly.JSTag, [1]));
  throws(TypeError, () => new Tag({ parameters: ['i33'] }));
  throws(TypeError, () => new Tag({}));
  equal(WebAssembly.JSTag, WebAssembly.JSTag);
});
test('try_table catches by tag, any, and with the exception', () => {
  const tag = new Tag({ parameters: ['i32', 'externref'] });
  const bytes = wat`(module (import "m" "tag" (tag $t (param i32 externref))) (import "m" "f" (func $f (param i32)))
    (tag $mine (export "mine") (param i64)) (export "tag" (tag $t)) (global $n (mut i32) (i32.const 0))
    (func $deep (param i32) (if (local.get 0) (then (return (call $deep (i32.sub (local.get 0) (i32.const 1))))))
      (call $f (i32.const 5)) (global.set $n (i32.const 99)))
    (func (export "run") (param i32) (result i32 externref)
      (block $caught (result i32 externref)
        (block $any
          (try_table (catch $t $caught) (catch_all $any) (call $deep (local.get 0)))
          (return (i32.const 1) (ref.null extern)))
        (return (i32.const 2) (ref.null extern)))
      (return))
    (func (export "again") (result i32)
      (block $h (result exnref) (try_table (catch_all_ref $h) (call $f (i32.const 6)))
        (return (i32.const 0))) (throw_ref))
    (func (export "mineThrown") (param i64) (throw $mine (local.get 0)))
    (func (export "both") (param i64) (result i64) (local i64) (local.set 1 (i64.const 100))
      (block $h (result i64 exnref)
        (try_table (result i64) (catch_ref $mine $h) (local.set 1 (i64.const 1000))
          (throw $mine (i64.add (local.get 0) (i64.const 1)))) (return))
      (drop) (i64.add (local.get 1)))
    (func (export "null") (throw_ref (ref.null exn)))
    (func (export "trap") (result i32) (block $h (try_table (catch_all $h) unreachable)) (i32.const 7)))`;
  let act = () => {};
  const e = instance(bytes, { m: { tag, f: (n) => act(n) } });
  same(Module.exports(new Module(bytes)).slice(0, 2), [
    { name: 'mine', kind: 'tag' },
    { name: 'tag', kind: 'tag' },
  ]);
  equal(e.tag, tag);
  same(e.run(3), [1, null]);
  act = (n) => {
    throw new Exception(tag, [n + 1, 'payload']);
  };
  same(e.run(1000), [6, 'payload']);
  act = () => {
    throw new Exception(new Tag({ parameters: ['i32', 'externref'] }), [1, 2]);
  };
  same(e.run(0), [2, null]);
  for (const value of [new Error('x'), 'text', null, undefined, { deep: 1 }]) {
    act = () => {
      throw value;
    };
    same(e.run(2), [2, null]);
    equal(thrown(e.again), value);
  }
  const exception = new Exception(tag, [1, null]);
  act = () => {
    throw exception;
  };
  equal(thrown(e.again), exception);
  const mine = thrown(() => e.mineThrown(40n));
  same([mine instanceof Exception, mine.is(e.mine), String(mine.getArg(e.mine, 0))], [true, true, '40']);
  equal(e.both(41n), 1042n);
  equal(thrown(e.null).message, 'null exception reference');
  equal(thrown(e.trap).message, 'unreachable');
  throws(LinkError, () => instance(bytes, { m: { tag: new Tag({ parameters: [] }), f() {} } }));
  throws(LinkError, () => instance(bytes, { m: { tag: {}, f() {} } }));
});
test('what JavaScript throws has a tag', () => {
  const e = instance(
    wat`(module (import "m" "js" (tag $js (param externref))) (import "m" "f" (func $f))
    (func (export "run") (result externref)
      (block $h (result externref) (try_table (catch $js $h) (call $f)) (ref.null extern)))
    (func (export "throw") (param externref) (throw $js (local.get 0))))`,
    {
      m: {
        js: WebAssembly.JSTag,
        f() {
          throw 'from JavaScript';
        },
      },
    },
  );
  equal(e.run(), 'from JavaScript');
  const error = new Error();
  equal(
    thrown(() => e.throw(error)),
    error,
  );
});
test('the older instructions: try, catch, rethrow, delegate', () => {
  const e = instance(OLD, {
    m: {
      f(n) {
        if (n) throw n;
      },
    },
  });
  same([e.nothing(0), e.nothing(5), e.values(3), e.values(0)], [1, 2, 103, 9]);
  equal(
    thrown(() => e.rethrown('x')),
    'x',
  );
  same([e.rethrown(0), e.delegated(), e.outside(), e.inner()], [0, 15, 30, 7]);
  equal(thrown(() => e.past()) instanceof Exception, true);
  equal(e.loop(10), 55);
});
