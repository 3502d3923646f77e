package main

import (
	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/utils/kube"
	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/utils/tracing"
	"github.com/argoproj/argo-cd/v3/common"
	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/argo"
	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

func connect(o options) (*rest.Config, kube.Kubectl, error) {
	config, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return nil, nil, err
	}
	config.QPS, config.Burst = 100, 200
	return config, &kube.KubectlCmd{Log: logr.Discard(), Tracer: tracing.NopTracer{}}, nil
}

// track marks the manifests as the Application's, as Argo CD does before it compares or applies them.
func track(objects []*unstructured.Unstructured, o options) error {
	for _, object := range objects {
		method := v1alpha1.TrackingMethod(o.tracking)
		err := argo.NewResourceTracking().
			SetAppInstance(object, common.LabelKeyAppInstance, o.app, argocdNamespace, method, "")
		if err != nil {
			return err
		}
	}
	return nil
}

func name(object *unstructured.Unstructured) string {
	key := kube.GetResourceKey(object)
	return key.String()
}
