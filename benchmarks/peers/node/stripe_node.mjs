// stripe-node as it comes.
import Stripe from "stripe";
import { DESCRIPTION, NAME, drive, task } from "./driver.mjs";

const asked = task();
const stripe = new Stripe(asked.key, {
  protocol: asked.url.protocol.slice(0, -1),
  host: asked.url.hostname,
  port: asked.url.port,
});

await drive(asked, async () => {
  const product = await stripe.products.create({
    name: NAME,
    description: DESCRIPTION,
    metadata: { category: "software" },
  });
  return product.id;
});
process.exit(0); // its idle sockets would hold the process
