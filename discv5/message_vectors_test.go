package discv5

import (
	"bytes"
	"encoding/base64"
	"net/netip"
	"strings"
	"testing"
)

// messageVectors is the form of testdata/discv5-messages.json.
type messageVectors struct {
	Valid []struct {
		Type, IP, Protocol, Message, Bytes, Warning string
		ID                                          string  `json:"req_id"`
		Seq                                         *uint64 `json:"enr_seq"`
		Port                                        uint16
		Distances                                   []uint16
		Total                                       uint64
		Records                                     []string
		ProtocolHex                                 string `json:"protocol_hex"`
		Text                                        string `json:"message_ascii"`
	}
	Invalid []struct{ Bytes, Reason string }
}

func readMessages(t testing.TB) (v messageVectors) {
	readJSON(t, "discv5-messages.json", &v)
	if len(v.Valid) != 15 || len(v.Invalid) != 2 {
		t.Fatalf("%d valid and %d invalid messages, the file has 15 and 2", len(v.Valid), len(v.Invalid))
	}
	return v
}

func TestMessageVectors(t *testing.T) {
	vectors := readMessages(t)
	for i, v := range vectors.Valid {
		raw := unhex(t, v.Bytes)
		var m Message
		drop := m.Decode(raw)
		if strings.Contains(v.Warning, "NOT canonical") {
			if drop != DropMalformed {
				t.Errorf("%d: %v", i, drop)
			}
			continue
		}
		if drop != DropNone || !bytes.Equal(m.Append(nil), raw) || !strings.EqualFold(m.Kind.String(), v.Type) {
			t.Errorf("%d: %v %v, written as\n%x, want\n%x", i, drop, m.Kind, m.Append(nil), raw)
		}
		for j := range m.Records {
			if _, err := m.Node(j); err != nil {
				t.Errorf("%d: record %d: %v", i, j, err)
			}
		}
		if v.ID == "" {
			continue // its content is not told
		}
		want := Message{Kind: m.Kind, ID: testID(unhex(t, v.ID)...), Distances: v.Distances, Total: v.Total}
		if v.Seq != nil {
			want.Seq = *v.Seq
		}
		if v.IP != "" {
			want.To = netip.AddrPortFrom(netip.MustParseAddr(v.IP), v.Port)
		}
		if v.Records == nil {
			want.Records = m.Records
		}
		for _, r := range v.Records {
			b, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(r, "enr:"))
			if err != nil {
				t.Fatal(err)
			}
			want.Records = append(want.Records, b)
		}
		want.Protocol = append([]byte(v.Protocol), unhex(t, v.ProtocolHex)...)
		want.Talk = append([]byte(v.Text), unhex(t, v.Message)...)
		if meaning(&m) != meaning(&want) {
			t.Errorf("%d: read as\n%s, want\n%s", i, meaning(&m), meaning(&want))
		}
	}
	wants := []Drop{DropRequestID, DropMalformed}
	for i, v := range vectors.Invalid {
		var m Message
		if drop := m.Decode(unhex(t, v.Bytes)); drop != wants[i] {
			t.Errorf("%s: %v, want %v", v.Reason, drop, wants[i])
		}
	}
}
