package main

import (
	"context"
	"fmt"
	"os"

	"github.com/argoproj/argo-cd/v3/common"
	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/settings"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/yaml"
)

const argocdNamespace = "argocd"

// overrides reads argocd-cm as Argo CD does, its own defaults included.
func overrides(ctx context.Context, file string) (map[string]v1alpha1.ResourceOverride, error) {
	config := &corev1.ConfigMap{}
	if file != "" {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if err := yaml.UnmarshalStrict(content, config); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	// Argo CD looks for these labels, which a patch of the ConfigMap need not have.
	config.ObjectMeta = metav1.ObjectMeta{
		Name: common.ArgoCDConfigMapName, Namespace: argocdNamespace,
		Labels: map[string]string{"app.kubernetes.io/part-of": "argocd"},
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
		Name: common.ArgoCDSecretName, Namespace: argocdNamespace, Labels: config.Labels,
	}}
	return settings.NewSettingsManager(ctx, fake.NewClientset(config, secret), argocdNamespace).GetResourceOverrides()
}
