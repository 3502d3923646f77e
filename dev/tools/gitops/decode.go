package main

import (
	"context"
	"fmt"

	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// decode reads Argo CD's kinds into its own types, and names what these do not have.
func decode(_ context.Context, _ options, objects []*unstructured.Unstructured) (any, error) {
	names := []string{}
	for _, object := range objects {
		var into any
		switch object.GetKind() {
		case "Application":
			into = &v1alpha1.Application{}
		case "AppProject":
			into = &v1alpha1.AppProject{}
		default:
			return nil, fmt.Errorf("%s is no kind of Argo CD's that is known here", object.GetKind())
		}
		content, err := object.MarshalJSON()
		if err != nil {
			return nil, err
		}
		if err := yaml.UnmarshalStrict(content, into); err != nil {
			return nil, fmt.Errorf("%s: %w", name(object), err)
		}
		names = append(names, name(object))
	}
	return names, nil
}
