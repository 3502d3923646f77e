package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/cache"
	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/engine"
	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/sync"
	synccommon "github.com/argoproj/argo-cd/gitops-engine/v3/pkg/sync/common"
	"github.com/argoproj/argo-cd/v3/common"
	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/argo"
	"github.com/argoproj/argo-cd/v3/util/lua"
	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	syncTimeout = 2 * time.Minute
	// After so long, everything is read and compared anew, as Argo CD does: a running sync goes by what it saw at its start.
	refresh = 5 * time.Second
	pause   = time.Second
)

type synced struct {
	Name    string `json:"name"`
	Status  string `json:"status"`
	Message string `json:"message"`
}

func syncs(ctx context.Context, o options, objects []*unstructured.Unstructured) (any, error) {
	known, err := overrides(ctx, o.config)
	if err != nil {
		return nil, err
	}
	config, kubectl, err := connect(o)
	if err != nil {
		return nil, err
	}
	if err := track(objects, o); err != nil {
		return nil, err
	}
	tracking := argo.NewResourceTracking()
	owner := func(un *unstructured.Unstructured, _ bool) (any, bool) {
		app := tracking.GetAppName(un, common.LabelKeyAppInstance, v1alpha1.TrackingMethod(o.tracking), "")
		return app, app == o.app
	}
	live := cache.NewClusterCache(config,
		cache.SetLogr(logr.Discard()), cache.SetKubectl(kubectl), cache.SetPopulateResourceInfoHandler(owner))
	gitops := engine.NewEngine(config, live, engine.WithLogr(logr.Discard()), engine.WithKubectl(kubectl))
	stop, err := gitops.Run()
	if err != nil {
		return nil, err
	}
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	managed := func(resource *cache.Resource) bool { return resource.Info == o.app }
	results, err := untilDone(ctx, func(ctx context.Context) ([]synccommon.ResourceSyncResult, error) {
		return gitops.Sync(ctx, objects, managed, "HEAD", "default",
			sync.WithLogr(logr.Discard()),
			sync.WithHealthOverride(lua.ResourceHealthOverrides(known)),
			sync.WithPrune(o.prune),
			sync.WithServerSideApply(o.serverSide),
			sync.WithServerSideApplyManager(common.ArgoCDSSAManager),
			sync.WithManifestValidation(true),
			sync.WithSkipDryRunOnMissingResource(true),
		)
	})
	found := []synced{}
	for _, one := range results {
		found = append(found, synced{one.ResourceKey.String(), string(one.Status), one.Message})
	}
	if err != nil {
		text, _ := json.Marshal(found)
		return nil, fmt.Errorf("%w; so far: %s", err, text)
	}
	return found, nil
}

type attempt func(context.Context) ([]synccommon.ResourceSyncResult, error)

// untilDone repeats a sync that waits for the health of what it has applied, or of which something failed, as an
// Application with spec.syncPolicy.retry does: a new ResourceQuota, for one, refuses everything for a moment.
func untilDone(ctx context.Context, try attempt) ([]synccommon.ResourceSyncResult, error) {
	for {
		part, cancel := context.WithTimeout(ctx, refresh)
		results, err := try(part)
		waits := err != nil && part.Err() != nil
		cancel()
		failed := slices.ContainsFunc(results, func(one synccommon.ResourceSyncResult) bool {
			return one.Status == synccommon.ResultCodeSyncFailed
		})
		if !waits && !failed || ctx.Err() != nil {
			return results, cmp.Or(err, ctx.Err())
		}
		if failed {
			time.Sleep(pause)
		}
	}
}
