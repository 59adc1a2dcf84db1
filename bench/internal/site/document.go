package site

import "encoding/json"

// Document is what Echo decodes and encodes.
type Document struct {
	ID       int64    `json:"id"`
	Customer Customer `json:"customer"`
	Items    []Item   `json:"items"`
	Tags     []string `json:"tags"`
	Paid     bool     `json:"paid"`
	Note     string   `json:"note"`
}

// Customer is who a Document is about.
type Customer struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// Item is one of a Document.
type Item struct {
	Article  string  `json:"article"`
	Name     string  `json:"name"`
	Quantity int     `json:"quantity"`
	Price    float64 `json:"price"`
}

// documentSize is the length of the sample in bytes.
const documentSize = 1024

// Sample is a Document as JSON, of 1 KB.
func Sample() []byte {
	document := Document{
		ID: 8812734, Customer: Customer{"Ada Example", "ada@example.org"},
		Tags: []string{"garden", "express", "gift"}, Paid: true,
	}
	for i := range 9 {
		document.Items = append(document.Items, Item{"A-100" + string(rune('0'+i)), "Watering can, 10 litres", i + 1, 12.5})
	}
	encode := func() []byte {
		text, err := json.Marshal(&document)
		if err != nil {
			panic(err) // a value of these types can be encoded
		}
		return text
	}
	for missing := documentSize - len(encode()); missing > 0; missing-- {
		document.Note += "n"
	}
	return encode()
}
