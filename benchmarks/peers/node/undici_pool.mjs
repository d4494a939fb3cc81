// undici's Pool: the fastest HTTP client of Node, with nothing of an SDK.
import { randomUUID } from "node:crypto";
import { Pool } from "undici";
import { DESCRIPTION, NAME, drive, task } from "./driver.mjs";

const asked = task();
const pool = new Pool(asked.url.origin, { connections: asked.concurrency });

await drive(asked, async () => {
  const body = new URLSearchParams([
    ["name", NAME],
    ["description", DESCRIPTION],
    ["metadata[category]", "software"],
  ]).toString();
  const answer = await pool.request({
    method: "POST",
    path: "/v1/products",
    headers: {
      authorization: `Bearer ${asked.key}`,
      "content-type": "application/x-www-form-urlencoded",
      "idempotency-key": randomUUID(),
    },
    body,
  });
  return (await answer.body.json()).id;
});
await pool.close();
