package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	provisionerName  = "tenantry.dev/local-folder"
	claimAnnotation  = "volume.kubernetes.io/storage-provisioner"
	volumeAnnotation = "pv.kubernetes.io/provisioned-by"
	folderMode       = 0o777
)

// provisioner gives each claim of its StorageClass a folder of the one node, as a volume of type local: unlike the
// controller manager's host-path provisioner, whose folders only root can write to, fsGroup works on it.
type provisioner struct {
	client  kubernetes.Interface
	folder  string
	node    string
	claims  corelisters.PersistentVolumeClaimLister
	volumes corelisters.PersistentVolumeLister
}

func runProvisioner() int {
	flags := flag.NewFlagSet("volume-provisioner", flag.ExitOnError)
	kubeconfig := flags.String("kubeconfig", "", "kubeconfig file")
	folder := flags.String("folder", "", "where the volumes' folders are made")
	node := flags.String("node", "", "the node that the folder belongs to")
	if err := flags.Parse(os.Args[1:]); err != nil {
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := provision(ctx, *kubeconfig, *folder, *node); err != nil {
		log.Print(err)
		return 1
	}
	return 0
}

// provision watches claims and volumes and looks at all of them after each change, until the context ends.
func provision(ctx context.Context, kubeconfig, folder, node string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.QPS = -1 // client-go's own limit is five requests a second: a thousand claims would wait for minutes
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	claims, volumes := factory.Core().V1().PersistentVolumeClaims(), factory.Core().V1().PersistentVolumes()
	changed := make(chan struct{}, 1)
	notify := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { notify() },
		UpdateFunc: func(any, any) { notify() },
	}
	for _, informer := range []cache.SharedIndexInformer{claims.Informer(), volumes.Informer()} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return err
		}
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	p := provisioner{client, folder, node, claims.Lister(), volumes.Lister()}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
			if err := p.reconcile(ctx); err != nil {
				log.Print(err)
			}
		}
	}
}

// reconcile makes the volumes that are waited for and removes those that were let go. It is safe to repeat.
func (p provisioner) reconcile(ctx context.Context) error {
	claims, err := p.claims.List(labels.Everything())
	if err != nil {
		return err
	}
	volumes, err := p.volumes.List(labels.Everything())
	if err != nil {
		return err
	}
	made := map[string]bool{}
	for _, volume := range volumes {
		made[volume.Name] = true
	}
	var failures []error
	for _, claim := range claims {
		wanted := claim.Spec.VolumeName == "" && claim.Annotations[claimAnnotation] == provisionerName
		if wanted && !made[volumeName(claim)] {
			failures = append(failures, p.create(ctx, claim))
		}
	}
	for _, volume := range volumes {
		released := volume.Status.Phase == core.VolumeReleased && volume.DeletionTimestamp == nil
		deletable := volume.Spec.PersistentVolumeReclaimPolicy == core.PersistentVolumeReclaimDelete
		if released && deletable && volume.Annotations[volumeAnnotation] == provisionerName {
			failures = append(failures, p.remove(ctx, volume))
		}
	}
	return errors.Join(failures...)
}

func (p provisioner) create(ctx context.Context, claim *core.PersistentVolumeClaim) error {
	name := volumeName(claim)
	path := filepath.Join(p.folder, name)
	if err := os.MkdirAll(path, folderMode); err != nil {
		return err
	}
	if err := os.Chmod(path, folderMode); err != nil { // the umask has taken its share
		return err
	}
	_, err := p.client.CoreV1().PersistentVolumes().Create(ctx, p.volume(name, path, claim), meta.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("volume for claim %s/%s: %w", claim.Namespace, claim.Name, err)
	}
	return nil
}

func volumeName(claim *core.PersistentVolumeClaim) string {
	return "pvc-" + string(claim.UID)
}

func (p provisioner) volume(name, path string, claim *core.PersistentVolumeClaim) *core.PersistentVolume {
	here := core.NodeSelectorRequirement{
		Key: core.LabelHostname, Operator: core.NodeSelectorOpIn, Values: []string{p.node},
	}
	terms := []core.NodeSelectorTerm{{MatchExpressions: []core.NodeSelectorRequirement{here}}}
	class := ""
	if claim.Spec.StorageClassName != nil {
		class = *claim.Spec.StorageClassName
	}
	return &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: name, Annotations: map[string]string{volumeAnnotation: provisionerName}},
		Spec: core.PersistentVolumeSpec{
			Capacity:                      core.ResourceList{core.ResourceStorage: claim.Spec.Resources.Requests[core.ResourceStorage]},
			AccessModes:                   claim.Spec.AccessModes,
			PersistentVolumeReclaimPolicy: core.PersistentVolumeReclaimDelete,
			StorageClassName:              class,
			VolumeMode:                    claim.Spec.VolumeMode,
			PersistentVolumeSource:        core.PersistentVolumeSource{Local: &core.LocalVolumeSource{Path: path}},
			NodeAffinity:                  &core.VolumeNodeAffinity{Required: &core.NodeSelector{NodeSelectorTerms: terms}},
			ClaimRef: &core.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim",
				Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
		},
	}
}

func (p provisioner) remove(ctx context.Context, volume *core.PersistentVolume) error {
	if err := os.RemoveAll(filepath.Join(p.folder, volume.Name)); err != nil {
		return err
	}
	err := p.client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, meta.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	return nil
}
