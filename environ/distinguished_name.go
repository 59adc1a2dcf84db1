package environ

import (
	"encoding/asn1"
	"fmt"
	"iter"
	"strings"
	"unicode/utf16"
)

// distinguishedName is the name of a certificate's subject or issuer, in DER (RFC 5280 section 4.1.2.4).
type distinguishedName []byte

// nameAttribute is one attribute of a name.
type nameAttribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// nameAttributes are the attributes by object identifier: short is OpenSSL's name, tag the one that mod_ssl makes a
// variable with, "" for none.
var nameAttributes = map[string]struct{ short, tag string }{
	"2.5.4.3":                    {"CN", "CN"},
	"2.5.4.4":                    {"SN", "S"},
	"2.5.4.5":                    {"serialNumber", "SerialNumber"},
	"2.5.4.6":                    {"C", "C"},
	"2.5.4.7":                    {"L", "L"},
	"2.5.4.8":                    {"ST", "ST"},
	"2.5.4.9":                    {"street", ""},
	"2.5.4.10":                   {"O", "O"},
	"2.5.4.11":                   {"OU", "OU"},
	"2.5.4.12":                   {"title", "T"},
	"2.5.4.13":                   {"description", "D"},
	"2.5.4.15":                   {"businessCategory", ""},
	"2.5.4.17":                   {"postalCode", ""},
	"2.5.4.41":                   {"name", ""},
	"2.5.4.42":                   {"GN", "G"},
	"2.5.4.43":                   {"initials", "I"},
	"2.5.4.44":                   {"generationQualifier", ""},
	"2.5.4.46":                   {"dnQualifier", ""},
	"2.5.4.65":                   {"pseudonym", ""},
	"2.5.4.97":                   {"organizationIdentifier", ""},
	"0.9.2342.19200300.100.1.1":  {"UID", "UID"},
	"0.9.2342.19200300.100.1.25": {"DC", ""},
	"1.2.840.113549.1.9.1":       {"emailAddress", "Email"},
}

// sets are the name's relative distinguished names, each a set of attributes.
func (n distinguishedName) sets() [][]nameAttribute {
	var sequence asn1.RawValue
	if _, err := asn1.Unmarshal(n, &sequence); err != nil {
		return nil // crypto/x509 has parsed it, so this is no certificate of a connection
	}
	var sets [][]nameAttribute
	for rest := sequence.Bytes; len(rest) > 0; {
		var set []nameAttribute
		var err error
		if rest, err = asn1.UnmarshalWithParams(rest, &set, "set"); err != nil {
			return sets
		}
		sets = append(sets, set)
	}
	return sets
}

// String is the name in the form of RFC 2253 that mod_ssl gives it: the last set first, UTF-8 as it is.
func (n distinguishedName) String() string {
	var b strings.Builder
	sets := n.sets()
	for i := len(sets) - 1; i >= 0; i-- {
		for j := len(sets[i]) - 1; j >= 0; j-- {
			attribute := sets[i][j]
			name := attribute.Type.String()
			known, ok := nameAttributes[name]
			if ok {
				name = known.short
			}
			b.WriteString(name)
			b.WriteByte('=')
			text, isText := attribute.text()
			if ok && isText {
				escapeName(&b, text)
			} else {
				fmt.Fprintf(&b, "#%X", attribute.Value.FullBytes)
			}
			switch {
			case j > 0:
				b.WriteByte('+')
			case i > 0:
				b.WriteByte(',')
			}
		}
	}
	return b.String()
}

// components yields the attributes that have a variable of their own, named prefix and tag. From the second of one tag on
// the name ends in _1, _2 and so on.
func (n distinguishedName) components(prefix string) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		count := make(map[string]int)
		for _, set := range n.sets() {
			for _, attribute := range set {
				tag := nameAttributes[attribute.Type.String()].tag
				text, isText := attribute.text()
				if tag == "" || !isText {
					continue
				}
				name := prefix + tag
				if count[tag] > 0 {
					name = fmt.Sprintf("%s_%d", name, count[tag])
				}
				count[tag]++
				var b strings.Builder
				escapeControl(&b, text)
				if !yield(name, b.String()) {
					return
				}
			}
		}
	}
}

// text is the value in UTF-8; ok is false for one that is no string.
func (a nameAttribute) text() (text string, ok bool) {
	const universalString = 28
	value := a.Value.Bytes
	if a.Value.Class != asn1.ClassUniversal {
		return "", false
	}
	switch a.Value.Tag {
	case asn1.TagUTF8String, asn1.TagPrintableString, asn1.TagIA5String, asn1.TagNumericString:
		return string(value), true
	case asn1.TagT61String: // taken for Latin-1, by OpenSSL too
		runes := make([]rune, len(value))
		for i, c := range value {
			runes[i] = rune(c)
		}
		return string(runes), true
	case asn1.TagBMPString:
		units := make([]uint16, len(value)/2)
		for i := range units {
			units[i] = uint16(value[2*i])<<8 | uint16(value[2*i+1])
		}
		return string(utf16.Decode(units)), true
	case universalString:
		runes := make([]rune, len(value)/4)
		for i := range runes {
			runes[i] = rune(value[4*i])<<24 | rune(value[4*i+1])<<16 | rune(value[4*i+2])<<8 | rune(value[4*i+3])
		}
		return string(runes), true
	}
	return "", false
}

// escapeName writes a value with the escapes of RFC 2253 section 2.4.
func escapeName(b *strings.Builder, text string) {
	for i := range len(text) {
		c := text[i]
		special := strings.IndexByte(`,+"\<>;`, c) >= 0 || i == 0 && c == '#' || (i == 0 || i == len(text)-1) && c == ' '
		if special {
			b.WriteByte('\\')
		}
		escapeControl(b, text[i:i+1])
	}
}

// escapeControl writes a control character as a backslash and two hexadecimal digits.
func escapeControl(b *strings.Builder, text string) {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == 0x7f {
			fmt.Fprintf(b, `\%02X`, c)
		} else {
			b.WriteByte(c)
		}
	}
}
