package main

import (
	"context"
	"encoding/json"

	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/diff"
	"github.com/argoproj/argo-cd/v3/common"
	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	argodiff "github.com/argoproj/argo-cd/v3/util/argo/diff"
	"github.com/argoproj/argo-cd/v3/util/argo/normalizers"
	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type difference struct {
	Name     string `json:"name"`
	Modified bool   `json:"modified"`
	// What Argo CD compares; only where it differs.
	Live    json.RawMessage `json:"live,omitempty"`
	Desired json.RawMessage `json:"desired,omitempty"`
}

func diffs(ctx context.Context, o options, objects []*unstructured.Unstructured) (any, error) {
	known, err := overrides(ctx, o.config)
	if err != nil {
		return nil, err
	}
	config, kubectl, err := connect(o)
	if err != nil {
		return nil, err
	}
	_, parser, err := kubectl.LoadOpenAPISchema(config)
	if err != nil {
		return nil, err
	}
	applier, cleanup, err := kubectl.ManageServerSideDiffDryRuns(config)
	if err != nil {
		return nil, err
	}
	defer cleanup()
	diffConfig, err := argodiff.NewDiffConfigBuilder().
		WithDiffSettings(nil, known, false, normalizers.IgnoreNormalizerOpts{}).
		WithTracking(common.LabelKeyAppInstance, string(v1alpha1.TrackingMethod(o.tracking))).
		WithNoCache().
		WithGVKParser(parser).
		WithManager(common.ArgoCDSSAManager).
		WithServerSideDiff(o.serverSide).
		WithServerSideDryRunner(diff.NewK8sServerSideDryRunner(applier)).
		WithLogger(logr.Discard()).
		Build()
	if err != nil {
		return nil, err
	}
	if err := track(objects, o); err != nil {
		return nil, err
	}
	found := []difference{}
	for _, object := range objects {
		live, err := kubectl.GetResource(ctx, config, object.GroupVersionKind(), object.GetName(), object.GetNamespace())
		if apierrors.IsNotFound(err) {
			live = nil
		} else if err != nil {
			return nil, err
		}
		result, err := argodiff.StateDiff(ctx, live, object, diffConfig)
		if err != nil {
			return nil, err
		}
		one := difference{Name: name(object), Modified: result.Modified}
		if result.Modified {
			one.Live, one.Desired = result.NormalizedLive, result.PredictedLive
		}
		found = append(found, one)
	}
	return found, nil
}
