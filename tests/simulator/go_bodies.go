// Reads bodies of the simulator into the structures of the official client, whose decoder is strict about types.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

type body struct {
	ID   string          `json:"id"`
	Body json.RawMessage `json:"body"`
}

type result struct {
	Faults  map[string]string `json:"faults"`
	Read    int               `json:"read"`
	Unknown map[string]bool   `json:"unknown"`
}

// The kinds of objects stand in kinds.go, which is made of the client's own structures.
func (r *result) read(id string, raw json.RawMessage) {
	var found struct {
		Object string            `json:"object"`
		Data   []json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(raw, &found); err != nil {
		found.Data = nil
	}
	made, known := kinds[found.Object]
	switch {
	case known:
		if err := json.Unmarshal(raw, made()); err != nil {
			r.Faults[id] = err.Error()
		}
		r.Read++
	case found.Data != nil:
		for _, item := range found.Data {
			r.read(id, item)
		}
	default:
		r.Unknown[found.Object] = true
	}
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	var bodies []body
	if err == nil {
		err = json.Unmarshal(text, &bodies)
	}
	if err != nil {
		panic(err)
	}
	found := result{Faults: map[string]string{}, Unknown: map[string]bool{}}
	for _, each := range bodies {
		found.read(each.ID, each.Body)
	}
	told, _ := json.Marshal(found)
	fmt.Println(string(told))
}
