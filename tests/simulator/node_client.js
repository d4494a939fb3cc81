// What the official Node client makes of the simulator: prints one JSON object of what it saw.
"use strict";
const Stripe = require("stripe");
const [host, port] = process.argv[2].split(":");
const stripe = new Stripe("sk_test_abcdefgh1234", { host, port: Number(port), protocol: "http", maxNetworkRetries: 1 });

async function error(call) {
  try {
    await call();
    return null;
  } catch (raised) {
    return [raised.constructor.name, raised.statusCode, raised.code];
  }
}

(async () => {
  const seen = {};
  const customer = await stripe.customers.create({ payment_method: "pm_card_visa", metadata: { a: "1" } });
  const method = (await stripe.paymentMethods.list({ customer: customer.id })).data[0].id;
  await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: method } });
  const price = await stripe.prices.create({
    currency: "usd",
    unit_amount: 2000,
    recurring: { interval: "month" },
    product_data: { name: "Plan" },
  });
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    expand: ["latest_invoice"],
  });
  seen.subscription = [subscription.status, subscription.latest_invoice.total];
  const coupon = await stripe.coupons.create({ percent_off: 10 });
  const code = await stripe.promotionCodes.create({ promotion: { type: "coupon", coupon: coupon.id } });
  seen.coupon = code.promotion.coupon === coupon.id;
  await stripe.customers.create({});
  seen.customers = 0;
  for await (const each of stripe.customers.list({ limit: 1 })) seen.customers += each.object === "customer";
  seen.missing = await error(() => stripe.customers.retrieve("cus_nowhere"));
  seen.refused = await error(() => stripe.climate.orders.create({ product: "x", amount: 1, currency: "usd" }));
  const destination = await stripe.v2.core.eventDestinations.create({
    name: "x",
    type: "webhook_endpoint",
    event_payload: "thin",
    enabled_events: ["*"],
    webhook_endpoint: { url: "https://example.com" },
  });
  seen.created = Number.isInteger(Date.parse(destination.created));
  process.stdout.write(JSON.stringify(seen));
})();
