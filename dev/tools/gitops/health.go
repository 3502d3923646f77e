package main

import (
	"context"

	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/health"
	"github.com/argoproj/argo-cd/v3/util/lua"
	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type opinion struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

type opinions struct {
	// ArgoCD is null for a kind whose health Argo CD does not know: it then takes no part in the application's.
	ArgoCD  *opinion `json:"argocd"`
	Kstatus opinion  `json:"kstatus"`
}

func healths(ctx context.Context, o options, objects []*unstructured.Unstructured) (any, error) {
	known, err := overrides(ctx, o.config)
	if err != nil {
		return nil, err
	}
	found := make([]opinions, len(objects))
	for i, object := range objects {
		told, err := health.GetResourceHealth(object, lua.ResourceHealthOverrides(known))
		if err != nil {
			return nil, err
		}
		if told != nil {
			found[i].ArgoCD = &opinion{string(told.Status), told.Message}
		}
		result, err := status.Compute(object)
		if err != nil {
			return nil, err
		}
		found[i].Kstatus = opinion{result.Status.String(), result.Message}
	}
	return found, nil
}
