// Verifies and signs with the official Node client what stands on stdin, as official_clients.py says.
"use strict";
const Stripe = require("stripe");
const stripe = new Stripe("sk_test_abcdefgh1234");
const asked = JSON.parse(require("fs").readFileSync(0, "utf8"));

function verified({ body, header, secret, thin }) {
  try {
    const bytes = Buffer.from(body, "base64");
    const event = thin
      ? stripe.parseEventNotification(bytes, header, secret)
      : stripe.webhooks.constructEvent(bytes, header, secret);
    return { id: event.id, type: event.type };
  } catch (raised) {
    return { error: raised.constructor.name };
  }
}

function signed({ body, secret, at }) {
  const payload = Buffer.from(body, "base64").toString("utf8");
  return stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp: at });
}

console.log(JSON.stringify({ verify: asked.verify.map(verified), sign: asked.sign.map(signed) }));
