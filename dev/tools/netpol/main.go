// netpol says what a set of NetworkPolicies allows. It reads, on standard input, JSON with the policies and a table of
// traffic, and prints a JSON list with one verdict for each row. The semantics are Cyclonus', which other projects test
// network plugins with: none of them is ours.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/mattfenwick/cyclonus/pkg/matcher"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// question is what comes in.
type question struct {
	Policies []*networkingv1.NetworkPolicy `json:"policies"`
	Traffic  []row                         `json:"traffic"`
}

// row is one attempt to connect; portName is what the destination's pod calls the port, if anything.
type row struct {
	From     peer            `json:"from"`
	To       peer            `json:"to"`
	Port     int             `json:"port"`
	PortName string          `json:"portName"`
	Protocol corev1.Protocol `json:"protocol"`
}

// peer is a pod, or with no namespace an address outside of the cluster.
type peer struct {
	IP              string            `json:"ip"`
	Namespace       string            `json:"namespace"`
	NamespaceLabels map[string]string `json:"namespaceLabels"`
	Labels          map[string]string `json:"labels"`
}

// verdict is the answer to one row: each side alone, since a connection needs both.
type verdict struct {
	Egress  bool `json:"egress"`
	Ingress bool `json:"ingress"`
}

func (p peer) traffic() *matcher.TrafficPeer {
	if p.Namespace == "" {
		return &matcher.TrafficPeer{IP: p.IP}
	}
	pod := &matcher.InternalPeer{PodLabels: p.Labels, NamespaceLabels: p.NamespaceLabels, Namespace: p.Namespace}
	return &matcher.TrafficPeer{IP: p.IP, Internal: pod}
}

func answer(in io.Reader, out io.Writer) error {
	var asked question
	decoder := json.NewDecoder(in)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&asked); err != nil {
		return fmt.Errorf("the question is not as it should be: %w", err)
	}
	policy := matcher.BuildNetworkPolicies(false, asked.Policies)
	verdicts := make([]verdict, 0, len(asked.Traffic))
	for _, each := range asked.Traffic {
		allowed := policy.IsTrafficAllowed(&matcher.Traffic{
			Source:           each.From.traffic(),
			Destination:      each.To.traffic(),
			ResolvedPort:     each.Port,
			ResolvedPortName: each.PortName,
			Protocol:         each.Protocol,
		})
		verdicts = append(verdicts, verdict{Egress: allowed.Egress.IsAllowed(), Ingress: allowed.Ingress.IsAllowed()})
	}
	return json.NewEncoder(out).Encode(verdicts)
}

func main() {
	if err := answer(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
