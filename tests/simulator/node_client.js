// What the official Node client makes of the simulator: prints one JSON object of what each flow saw.
"use strict";
const Stripe = require("stripe");
const [host, port] = process.argv[2].split(":");
const stripe = new Stripe("sk_test_abcdefgh1234", { host, port: Number(port), protocol: "http", maxNetworkRetries: 1 });
const page = "https://example.com";

async function error(call) {
  try {
    await call();
    return null;
  } catch (raised) {
    return [raised.constructor.name, raised.statusCode, raised.code];
  }
}

async function payer() {
  const customer = await stripe.customers.create({ payment_method: "pm_card_visa", metadata: { a: "1" } });
  const method = (await stripe.paymentMethods.list({ customer: customer.id })).data[0].id;
  await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: method } });
  return customer.id;
}

async function price(amount, fields = { recurring: { interval: "month" } }) {
  const made = { currency: "usd", unit_amount: amount, product_data: { name: "Plan" }, ...fields };
  return (await stripe.prices.create(made)).id;
}

async function subscription(fields = {}, amount = 2000) {
  const made = { customer: await payer(), items: [{ price: await price(amount) }], expand: ["latest_invoice"], ...fields };
  return stripe.subscriptions.create(made);
}

const pay = (method, fields = {}) =>
  stripe.paymentIntents.create({
    amount: 2000,
    currency: "usd",
    payment_method: method,
    confirm: true,
    return_url: page,
    ...fields,
  });

const flows = {
  async subscription() {
    const made = await subscription();
    return [made.status, made.latest_invoice.total];
  },
  async trial() {
    const made = await subscription({ trial_period_days: 14 });
    return [made.status, made.latest_invoice.total, made.trial_end - made.trial_start];
  },
  async incomplete() {
    const made = await subscription({
      payment_behavior: "default_incomplete",
      expand: ["latest_invoice.confirmation_secret"],
    });
    const intent = made.latest_invoice.confirmation_secret.client_secret.split("_secret_")[0];
    await stripe.paymentIntents.confirm(intent, { payment_method: "pm_card_visa", return_url: page });
    return [made.status, (await stripe.subscriptions.retrieve(made.id)).status];
  },
  async upgrade() {
    const made = await subscription({}, 1000);
    const items = [{ id: made.items.data[0].id, price: await price(3000) }];
    const changed = { items, proration_behavior: "always_invoice", expand: ["latest_invoice"] };
    return (await stripe.subscriptions.update(made.id, changed)).latest_invoice.total;
  },
  async cancel() {
    const made = await subscription();
    const later = await stripe.subscriptions.update(made.id, { cancel_at_period_end: true });
    return [later.status, later.cancel_at_period_end, (await stripe.subscriptions.cancel(made.id)).status];
  },
  async coupon() {
    const coupon = await stripe.coupons.create({ percent_off: 10 });
    const code = await stripe.promotionCodes.create({ promotion: { type: "coupon", coupon: coupon.id } });
    const made = await subscription({ discounts: [{ promotion_code: code.id }] });
    return [code.promotion.coupon === coupon.id, made.latest_invoice.total];
  },
  async pages() {
    for (let n = 0; n < 3; n++) await stripe.customers.create({ email: "pages@example.com" });
    let seen = 0;
    for await (const each of stripe.customers.list({ limit: 1, email: "pages@example.com" })) seen += each.object === "customer";
    return seen;
  },
  async payment() {
    const paid = await pay("pm_card_visa", { expand: ["latest_charge.balance_transaction"] });
    return [paid.status, paid.latest_charge.balance_transaction.net];
  },
  declined: () => error(() => pay("pm_card_chargeDeclined")),
  async hold() {
    const held = await pay("pm_card_visa", { capture_method: "manual" });
    const taken = await stripe.paymentIntents.capture(held.id, { amount_to_capture: 1500 });
    return [held.status, taken.status, taken.amount_received];
  },
  async saved() {
    const customer = (await stripe.customers.create({})).id;
    const setup = { customer, payment_method: "pm_card_visa", confirm: true, return_url: page };
    const saved = await stripe.setupIntents.create(setup);
    const later = await pay(saved.payment_method, { customer, off_session: true, return_url: undefined });
    return [saved.status, later.status];
  },
  async refund() {
    const paid = await pay("pm_card_visa");
    const refund = await stripe.refunds.create({ payment_intent: paid.id, amount: 500 });
    const rest = { payment_intent: paid.id, amount: 1501 };
    return [refund.status, await error(() => stripe.refunds.create(rest))];
  },
  async dispute() {
    const paid = await pay("pm_card_createDispute");
    const [dispute] = (await stripe.disputes.list({ payment_intent: paid.id })).data;
    const evidence = { evidence: { uncategorized_text: "winning_evidence" }, submit: true };
    return [dispute.status, (await stripe.disputes.update(dispute.id, evidence)).status];
  },
  async invoice() {
    const customer = await payer();
    const draft = await stripe.invoices.create({ customer });
    await stripe.invoiceItems.create({ customer, invoice: draft.id, amount: 700, currency: "usd" });
    await stripe.invoices.finalizeInvoice(draft.id);
    const paid = await stripe.invoices.pay(draft.id);
    return [paid.status, paid.total, paid.lines.data.length];
  },
  async checkout() {
    const item = { price: await price(400, {}), quantity: 2 };
    const made = await stripe.checkout.sessions.create({ mode: "payment", success_url: page, line_items: [item] });
    const lines = await stripe.checkout.sessions.listLineItems(made.id);
    return [made.status, made.amount_total, lines.data[0].quantity];
  },
  async connect() {
    const account = await stripe.accounts.create({ type: "express", country: "US" });
    const paid = await pay("pm_card_visa", {
      transfer_data: { destination: account.id },
      application_fee_amount: 200,
      expand: ["latest_charge"],
    });
    const here = await stripe.customers.create({ name: "x" }, { stripeAccount: account.id });
    return [
      paid.latest_charge.transfer !== null,
      (await error(() => stripe.customers.retrieve(here.id)))[1],
    ];
  },
  missing: () => error(() => stripe.customers.retrieve("cus_nowhere")),
  refused: () => error(() => stripe.climate.orders.create({ product: "x", amount: 1, currency: "usd" })),
  async version2() {
    const destination = await stripe.v2.core.eventDestinations.create({
      name: "x",
      type: "webhook_endpoint",
      event_payload: "thin",
      enabled_events: ["*"],
      webhook_endpoint: { url: page },
    });
    return Number.isInteger(Date.parse(destination.created));
  },
};

(async () => {
  const seen = {};
  for (const [name, flow] of Object.entries(flows)) seen[name] = await flow();
  process.stdout.write(JSON.stringify(seen));
})();
