"""``wapo.d.ts``: the compiler checks it over the examples and samples, and the samples run."""
