// Classes and virtual methods: tasks that hand packets to each other in a queue.
class Task {
  constructor(id, next) { this.id = id; this.next = next; this.queue = []; this.done = 0; }
  run(scheduler) {
    const packet = this.queue.shift();
    if (packet !== undefined) this.handle(packet, scheduler);
  }
}
class Worker extends Task {
  handle(packet, scheduler) {
    this.done++;
    for (let i = 0; i < 4; i++) packet.data[i] = (packet.data[i] + this.id + i) & 31;
    scheduler.send(packet, (this.id + packet.data[0]) % scheduler.tasks.length);
  }
}
class Device extends Task {
  handle(packet, scheduler) {
    this.done += 2;
    packet.hops++;
    scheduler.send(packet, (packet.hops * 3 + this.id) % scheduler.tasks.length);
  }
}
class Scheduler {
  constructor() {
    this.tasks = [];
    for (let i = 0; i < 6; i++) this.tasks.push(i % 2 ? new Worker(i) : new Device(i));
  }
  send(packet, to) { this.tasks[to].queue.push(packet); }
}
function main() {
  const scheduler = new Scheduler();
  for (let i = 0; i < 10; i++) scheduler.send({ data: [i, 1, 2, 3], hops: 0 }, i % 6);
  for (let round = 0; round < 50000; round++) scheduler.tasks[round % 6].run(scheduler);
  return scheduler.tasks.reduce((sum, task) => sum + task.done, 0);
}
