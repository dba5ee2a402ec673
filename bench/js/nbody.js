// Floating point and properties of objects: planets that attract each other.
function main() {
  const bodies = [
    [0, 0, 0, 0, 0, 0, 39.47], [4.84, -1.16, -0.1, 0.6, 2.81, -0.02, 0.037], [8.34, 4.12, -0.4, -1.01, 1.82, 0.008, 0.011],
    [12.89, -15.11, -0.22, 1.08, 0.86, -0.01, 0.0017], [15.37, -25.91, 0.17, 0.97, 0.59, -0.03, 0.002],
  ].map(([x, y, z, vx, vy, vz, mass]) => ({ x, y, z, vx, vy, vz, mass }));
  for (let step = 0; step < 12000; step++) {
    for (let i = 0; i < 5; i++) {
      const a = bodies[i];
      for (let j = i + 1; j < 5; j++) {
        const b = bodies[j], dx = a.x - b.x, dy = a.y - b.y, dz = a.z - b.z;
        const d2 = dx * dx + dy * dy + dz * dz, f = 0.001 / (d2 * Math.sqrt(d2));
        a.vx -= dx * b.mass * f; a.vy -= dy * b.mass * f; a.vz -= dz * b.mass * f;
        b.vx += dx * a.mass * f; b.vy += dy * a.mass * f; b.vz += dz * a.mass * f;
      }
    }
    for (const body of bodies) { body.x += 0.001 * body.vx; body.y += 0.001 * body.vy; body.z += 0.001 * body.vz; }
  }
  return bodies[0].x.toFixed(6);
}
