// Drives the real libraries for Vigie's tests: one command a line on standard input, each a JSON
// object, each answered with one line. A process that is killed is a worker that is killed.
//
//   node queues.mjs <bull|bullmq> <port> [cluster|sentinel|<database>]

import { createInterface } from "node:readline";
import Bull from "bull";
import { Queue, QueueEvents, Worker } from "bullmq";
import { Cluster } from "ioredis";

const [library, port, place = "0"] = process.argv.slice(2);
const cluster = place === "cluster";
const sentinel = place === "sentinel";
const db = cluster || sentinel ? 0 : Number(place);
const at = { host: "127.0.0.1", port: Number(port) };
const redis = {
  ...(sentinel ? { sentinels: [at], name: "mymaster" } : at),
  db,
  maxRetriesPerRequest: null,
};
const queues = new Map();

// One connection to all nodes of a cluster, as the libraries ask for it.
function toCluster() {
  const client = new Cluster([at], {
    enableReadyCheck: false,
    redisOptions: { maxRetriesPerRequest: null },
  });
  client.on("error", () => {});
  return client;
}

const connection = cluster && library === "bullmq" ? toCluster() : redis;
const bullOptions = cluster ? { createClient: toCluster } : { redis };

function queueOf(name) {
  if (!queues.has(name)) {
    const queue =
      library === "bull"
        ? new Bull(name, { ...bullOptions, settings: { stalledInterval: 1000, lockDuration: 5000 } })
        : new Queue(name, { connection });
    queue.on("error", () => {});
    queues.set(name, queue);
  }
  return queues.get(name);
}

const modes = {
  finish: async () => "done",
  fail: async () => {
    throw new Error("as told");
  },
  hang: () => new Promise(() => {}),
};

const commands = {
  // Adds jobs; `options` are the library's own (timestamp, delay, priority, jobId, removeOnComplete).
  async add({ queue, count = 1, options = {} }) {
    const jobs = [];
    for (let at = 0; at < count; at += 1) {
      jobs.push(
        library === "bull"
          ? queueOf(queue).add({}, options)
          : queueOf(queue).add("job", {}, options),
      );
    }
    await Promise.all(jobs);
  },
  // Works jobs off: each finishes, fails or hangs. BullMQ's workers may bear a name.
  async work({ queue, mode = "finish", name, metered }) {
    const metrics = metered ? { maxDataPoints: 60 } : undefined;
    if (library === "bull") {
      if (metered) {
        queueOf(queue).metrics = metrics;
      }
      queueOf(queue).process(modes[mode]).catch(() => {});
      await queueOf(queue).isReady();
    } else {
      const worker = new Worker(queue, modes[mode], {
        connection,
        name,
        lockDuration: 5000,
        stalledInterval: 1000,
        metrics,
      });
      worker.on("error", () => {});
      await worker.waitUntilReady();
    }
  },
  // Listens to a queue's events, as a dashboard does.
  async listen({ queue }) {
    const events = new QueueEvents(queue, { connection });
    events.on("error", () => {});
    await events.waitUntilReady();
  },
  // Repeats a job; `repeat` are the library's own options (every, cron or pattern, limit).
  async repeat({ queue, repeat, options = {} }) {
    if (library === "bull") {
      await queueOf(queue).add({}, { repeat, ...options });
    } else {
      await queueOf(queue).upsertJobScheduler("nightly", repeat, { name: "job", opts: options });
    }
  },
  pause: ({ queue }) => queueOf(queue).pause(),
  resume: ({ queue }) => queueOf(queue).resume(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...given } = JSON.parse(line);
  try {
    await commands[command](given);
    console.log("ok");
  } catch (error) {
    console.log(`error: ${error.message}`);
  }
}
process.exit(0);
