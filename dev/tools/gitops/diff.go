package main

import (
	"context"
	"encoding/json"

	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/diff"
	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/utils/kube"
	"github.com/argoproj/argo-cd/v3/common"
	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	argodiff "github.com/argoproj/argo-cd/v3/util/argo/diff"
	"github.com/argoproj/argo-cd/v3/util/argo/normalizers"
	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
)

type difference struct {
	Name string `json:"name"`
	// Whether it is the server-side strategy that calls it different, or the classic one.
	ServerSide bool `json:"serverSide"`
	// What Argo CD compares.
	Live    json.RawMessage `json:"live"`
	Desired json.RawMessage `json:"desired"`
}

func diffs(ctx context.Context, o options, objects []*unstructured.Unstructured) (any, error) {
	config, kubectl, err := connect(o)
	if err != nil {
		return nil, err
	}
	if err := track(objects, o); err != nil {
		return nil, err
	}
	strategies, cleanup, err := bothStrategies(ctx, o, config, kubectl)
	if err != nil {
		return nil, err
	}
	defer cleanup()
	found := []difference{}
	for _, object := range objects {
		live, err := kubectl.GetResource(ctx, config, object.GroupVersionKind(), object.GetName(), object.GetNamespace())
		if apierrors.IsNotFound(err) {
			live = nil
		} else if err != nil {
			return nil, err
		}
		for _, strategy := range strategies {
			result, err := argodiff.StateDiff(ctx, live, object, strategy)
			if err != nil {
				return nil, err
			}
			if result.Modified {
				one := difference{name(object), strategy.ServerSideDiff(), result.NormalizedLive, result.PredictedLive}
				found = append(found, one)
			}
		}
	}
	return found, nil
}

func bothStrategies(
	ctx context.Context, o options, config *rest.Config, kubectl kube.Kubectl,
) (strategies []argodiff.DiffConfig, cleanup func(), err error) {
	known, err := overrides(ctx, o.config)
	if err != nil {
		return nil, nil, err
	}
	_, parser, err := kubectl.LoadOpenAPISchema(config)
	if err != nil {
		return nil, nil, err
	}
	applier, cleanup, err := kubectl.ManageServerSideDiffDryRuns(config)
	if err != nil {
		return nil, nil, err
	}
	for _, serverSide := range []bool{false, true} {
		strategy, err := argodiff.NewDiffConfigBuilder().
			WithDiffSettings(nil, known, false, normalizers.IgnoreNormalizerOpts{}).
			WithTracking(common.LabelKeyAppInstance, string(v1alpha1.TrackingMethod(o.tracking))).
			WithNoCache().
			WithGVKParser(parser).
			WithManager(common.ArgoCDSSAManager).
			WithServerSideDiff(serverSide).
			WithServerSideDryRunner(diff.NewK8sServerSideDryRunner(applier)).
			WithLogger(logr.Discard()).
			Build()
		if err != nil {
			cleanup()
			return nil, nil, err
		}
		strategies = append(strategies, strategy)
	}
	return strategies, cleanup, nil
}
