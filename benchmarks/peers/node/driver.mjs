// The command line, the clock and the answer line of the Node peers: those of ../driver.py, which says them.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

export const NAME = "Premium Software License";
export const DESCRIPTION = "A comprehensive software solution";
const PRODUCT_ID = "prod_QX7YbWz3kT9m2L";

export function task() {
  const { values } = parseArgs({
    options: {
      "base-url": { type: "string" },
      key: { type: "string", default: "sk_test_benchmark" },
      mode: { type: "string", default: "serial" },
      creates: { type: "string" },
      concurrency: { type: "string", default: "32" },
      warmup: { type: "string", default: "0" },
    },
  });
  return {
    url: new URL(values["base-url"]),
    key: values.key,
    creates: Number(values.creates),
    concurrency: values.mode === "serial" ? 1 : Number(values.concurrency),
    warmup: Number(values.warmup),
  };
}

function peakRssKb() {
  try {
    return Number(/^VmHWM:\s*(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))[1]);
  } catch {
    return process.resourceUsage().maxRSS;
  }
}

async function all(total, workers, create) {
  const worker = async (share) => {
    for (let i = 0; i < share; i++) {
      const id = await create();
      if (id !== PRODUCT_ID) throw new Error(`a create answered ${id}`);
    }
  };
  const each = Math.floor(total / workers);
  const more = total % workers;
  await Promise.all(Array.from({ length: workers }, (_, place) => worker(each + (place < more ? 1 : 0))));
}

export async function drive({ creates, concurrency, warmup }, create) {
  await all(warmup, concurrency, create);
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  await all(creates, concurrency, create);
  const wall = Number(process.hrtime.bigint() - start) / 1e3;
  const used = process.cpuUsage(cpu);
  const round = (value, digits) => Number(value.toFixed(digits));
  console.log(
    JSON.stringify({
      us_per_create: round(wall / Math.max(creates, 1), 2),
      rps: round((creates * 1e6) / wall, 1),
      cpu_us_per_create: round((used.user + used.system) / Math.max(creates, 1), 2),
      peak_rss_kb: peakRssKb(),
      creates,
    }),
  );
}
