// gitops asks Argo CD's and Flux's own code about objects, with neither of them in the cluster.
//
//	gitops health -config argocd-cm.yaml <objects      what Argo CD and kstatus say of them
//	gitops decode <manifests                           refuses what Argo CD's own kinds do not have
//	gitops diff -kubeconfig FILE [options] <manifests  what Argo CD calls out of sync, by each of its strategies
//	gitops sync -kubeconfig FILE [options] <manifests  applies them as Argo CD does
//
// Standard input is a JSON list of objects; so is standard output, with an entry for each, or each that differs.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/sirupsen/logrus"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type options struct {
	config, kubeconfig, app, tracking string
	serverSide, prune                 bool
}

type verb func(context.Context, options, []*unstructured.Unstructured) (any, error)

var verbs = map[string]verb{"health": healths, "decode": decode, "diff": diffs, "sync": syncs}

func main() {
	logrus.SetOutput(os.Stderr)
	logrus.SetLevel(logrus.WarnLevel)
	if len(os.Args) < 2 || verbs[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: gitops health|decode|diff|sync [options] <manifests")
		os.Exit(2)
	}
	if err := run(verbs[os.Args[1]], parse(os.Args[1], os.Args[2:])); err != nil {
		fmt.Fprintf(os.Stderr, "gitops %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

func parse(name string, arguments []string) options {
	var o options
	flags := flag.NewFlagSet(name, flag.ExitOnError)
	flags.StringVar(&o.config, "config", "", "the ConfigMap argocd-cm; without it, Argo CD's defaults alone")
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "the cluster")
	flags.StringVar(&o.app, "app", "app", "name of the Application")
	flags.StringVar(&o.tracking, "tracking", string(v1alpha1.TrackingMethodAnnotation), "annotation or label")
	flags.BoolVar(&o.serverSide, "server-side", false, "apply server-side")
	flags.BoolVar(&o.prune, "prune", false, "delete what the manifests no longer have")
	_ = flags.Parse(arguments)
	return o
}

func run(do verb, o options) error {
	var objects []*unstructured.Unstructured
	if err := json.NewDecoder(os.Stdin).Decode(&objects); err != nil {
		return err
	}
	found, err := do(context.Background(), o, objects)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}
