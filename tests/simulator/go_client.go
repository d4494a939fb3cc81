// What the official Go client makes of the simulator: prints one JSON object of what each flow saw.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"

	"github.com/stripe/stripe-go/v85"
)

var (
	ctx = context.Background()
	sc  *stripe.Client
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func code(err error) []any {
	var found *stripe.Error
	if errors.As(err, &found) {
		return []any{found.HTTPStatusCode, string(found.Code), string(found.DeclineCode)}
	}
	return nil
}

func customer() string {
	made := must(sc.V1Customers.Create(ctx, &stripe.CustomerCreateParams{PaymentMethod: stripe.String("pm_card_visa")}))
	for method, err := range sc.V1PaymentMethods.List(ctx, &stripe.PaymentMethodListParams{Customer: &made.ID}).All(ctx) {
		id := must(method, err).ID
		must(sc.V1Customers.Update(ctx, made.ID, &stripe.CustomerUpdateParams{
			InvoiceSettings: &stripe.CustomerUpdateInvoiceSettingsParams{DefaultPaymentMethod: &id},
		}))
	}
	return made.ID
}

func price(amount int64) string {
	return must(sc.V1Prices.Create(ctx, &stripe.PriceCreateParams{
		Currency:    stripe.String("usd"),
		UnitAmount:  &amount,
		Recurring:   &stripe.PriceCreateRecurringParams{Interval: stripe.String("month")},
		ProductData: &stripe.PriceCreateProductDataParams{Name: stripe.String("Plan")},
	})).ID
}

func intent(method string) (*stripe.PaymentIntent, error) {
	return sc.V1PaymentIntents.Create(ctx, &stripe.PaymentIntentCreateParams{
		Amount:        stripe.Int64(2000),
		Currency:      stripe.String("usd"),
		PaymentMethod: &method,
		Confirm:       stripe.Bool(true),
		ReturnURL:     stripe.String("https://example.com"),
	})
}

var flows = map[string]func() any{
	"payment": func() any {
		paid := must(intent("pm_card_visa"))
		return []any{paid.Status, paid.AmountReceived, paid.LatestCharge.ID != ""}
	},
	"decline": func() any {
		_, err := intent("pm_card_chargeDeclinedInsufficientFunds")
		return code(err)
	},
	"authentication": func() any {
		waits := must(intent("pm_card_threeDSecure2Required"))
		return []any{waits.Status, waits.NextAction.Type}
	},
	"refund": func() any {
		paid := must(intent("pm_card_visa"))
		back := must(sc.V1Refunds.Create(ctx, &stripe.RefundCreateParams{
			PaymentIntent: &paid.ID, Amount: stripe.Int64(500),
		}))
		charge := must(sc.V1Charges.Retrieve(ctx, paid.LatestCharge.ID, nil))
		return []any{back.Status, charge.AmountRefunded, charge.Refunded}
	},
	"subscription": func() any {
		id, plan := customer(), price(1500)
		params := &stripe.SubscriptionCreateParams{
			Customer: &id,
			Items:    []*stripe.SubscriptionCreateItemParams{{Price: &plan, Quantity: stripe.Int64(2)}},
		}
		params.AddExpand("latest_invoice")
		made := must(sc.V1Subscriptions.Create(ctx, params))
		return []any{made.Status, made.LatestInvoice.Total, made.LatestInvoice.Status}
	},
	"coupon": func() any {
		id, plan := customer(), price(1000)
		off := must(sc.V1Coupons.Create(ctx, &stripe.CouponCreateParams{PercentOff: stripe.Float64(25)})).ID
		params := &stripe.SubscriptionCreateParams{
			Customer:  &id,
			Items:     []*stripe.SubscriptionCreateItemParams{{Price: &plan}},
			Discounts: []*stripe.SubscriptionCreateDiscountParams{{Coupon: &off}},
		}
		params.AddExpand("latest_invoice")
		return must(sc.V1Subscriptions.Create(ctx, params)).LatestInvoice.Total
	},
	"invoice": func() any {
		id := customer()
		made := must(sc.V1Invoices.Create(ctx, &stripe.InvoiceCreateParams{Customer: &id}))
		must(sc.V1InvoiceItems.Create(ctx, &stripe.InvoiceItemCreateParams{
			Customer: &id, Invoice: &made.ID, Amount: stripe.Int64(700), Currency: stripe.String("usd"),
		}))
		paid := must(sc.V1Invoices.Pay(ctx, made.ID, nil))
		return []any{paid.Status, paid.AmountPaid, len(paid.Lines.Data)}
	},
	"checkout": func() any {
		session := must(sc.V1CheckoutSessions.Create(ctx, &stripe.CheckoutSessionCreateParams{
			Mode:       stripe.String("payment"),
			SuccessURL: stripe.String("https://example.com"),
			LineItems: []*stripe.CheckoutSessionCreateLineItemParams{{
				Quantity: stripe.Int64(3),
				PriceData: &stripe.CheckoutSessionCreateLineItemPriceDataParams{
					Currency:    stripe.String("eur"),
					UnitAmount:  stripe.Int64(250),
					ProductData: &stripe.CheckoutSessionCreateLineItemPriceDataProductDataParams{Name: stripe.String("x")},
				},
			}},
		}))
		return []any{session.Status, session.AmountTotal, session.URL != ""}
	},
	"account": func() any {
		made := must(sc.V1Accounts.Create(ctx, &stripe.AccountCreateParams{Type: stripe.String("express")}))
		link := must(sc.V1AccountLinks.Create(ctx, &stripe.AccountLinkCreateParams{
			Account:    &made.ID,
			RefreshURL: stripe.String("https://example.com"),
			ReturnURL:  stripe.String("https://example.com"),
			Type:       stripe.String("account_onboarding"),
		}))
		return []any{made.Type, made.ChargesEnabled, link.URL != ""}
	},
	"missing": func() any {
		_, err := sc.V1Customers.Retrieve(ctx, "cus_nowhere", nil)
		return code(err)
	},
	"refused": func() any {
		_, err := sc.V1ClimateOrders.Create(ctx, &stripe.ClimateOrderCreateParams{
			Product: stripe.String("x"), Amount: stripe.Int64(1), Currency: stripe.String("usd"),
		})
		return code(err)
	},
}

func main() {
	backend := stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL:               stripe.String(os.Args[1]),
		MaxNetworkRetries: stripe.Int64(0),
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull},
	})
	sc = stripe.NewClient("sk_test_abcdefgh1234", stripe.WithBackends(&stripe.Backends{API: backend}))
	seen := map[string]any{}
	for name, flow := range flows {
		seen[name] = flow()
	}
	json.NewEncoder(os.Stdout).Encode(seen)
}
