// Verifies and signs with the official Go client what stands on stdin, as official_clients.py says.
package main

import (
	"encoding/json"
	"os"
	"time"

	"MODULE"
	"MODULE/webhook"
)

type verify struct {
	Body   []byte
	Header string
	Secret string
	Thin   bool
}

type sign struct {
	Body   []byte
	Secret string
	At     int64
}

func verified(sc *stripe.Client, asked verify) map[string]string {
	if asked.Thin {
		found, err := sc.ParseEventNotification(asked.Body, asked.Header, asked.Secret)
		if err != nil {
			return map[string]string{"error": err.Error()}
		}
		told := found.GetEventNotification()
		return map[string]string{"id": told.ID, "type": told.Type}
	}
	options := webhook.ConstructEventOptions{IgnoreAPIVersionMismatch: true}
	event, err := webhook.ConstructEventWithOptions(asked.Body, asked.Header, asked.Secret, options)
	if err != nil {
		return map[string]string{"error": err.Error()}
	}
	return map[string]string{"id": event.ID, "type": string(event.Type)}
}

func main() {
	var asked struct {
		Verify []verify
		Sign   []sign
	}
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		panic(err)
	}
	sc := stripe.NewClient("sk_test_abcdefgh1234")
	found := map[string]any{}
	all := []map[string]string{}
	for _, each := range asked.Verify {
		all = append(all, verified(sc, each))
	}
	headers := []string{}
	for _, each := range asked.Sign {
		made := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{
			Payload: each.Body, Secret: each.Secret, Timestamp: time.Unix(each.At, 0),
		})
		headers = append(headers, made.Header)
	}
	found["verify"], found["sign"] = all, headers
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		panic(err)
	}
}
